-- The target's tables as newer deployments have them, in the types that MySQL and MariaDB applications use.

create table `MembershipStatus` (
  id char(36) primary key,
  code varchar(40) not null unique,
  label varchar(80) not null,
  `sortOrder` int not null default 0,
  `isActive` tinyint(1) not null default 1,
  `createdAt` datetime(3) not null default current_timestamp(3),
  `updatedAt` datetime(3) not null) engine = InnoDB;

create table `MembershipTier` (
  id char(36) primary key,
  code varchar(40) not null unique,
  name varchar(80) not null,
  `sortOrder` int not null default 0,
  `createdAt` datetime(3) not null default current_timestamp(3),
  `updatedAt` datetime(3) not null default current_timestamp(3)) engine = InnoDB;

create table `Member` (
  id char(36) primary key,
  `firstName` varchar(80) not null,
  `lastName` varchar(80) not null,
  email varchar(190) not null unique,
  phone varchar(40),
  `joinedAt` datetime(3) not null,
  `membershipStatusId` char(36) not null,
  `membershipTierId` char(36),
  `waMembershipLevelRaw` varchar(80),
  `waRawData` json,
  `createdAt` datetime(3) not null default current_timestamp(3),
  `updatedAt` datetime(3) not null,
  constraint member_status foreign key (`membershipStatusId`) references `MembershipStatus` (id),
  constraint member_tier foreign key (`membershipTierId`) references `MembershipTier` (id)) engine = InnoDB;

create table `Event` (
  id char(36) primary key,
  title varchar(190) not null,
  description text,
  category varchar(80),
  location varchar(190),
  `startTime` datetime(3) not null,
  `endTime` datetime(3),
  capacity int,
  `isPublished` tinyint(1) not null default 0,
  status enum('DRAFT', 'PENDING_APPROVAL', 'CHANGES_REQUESTED', 'APPROVED', 'PUBLISHED', 'CANCELED', 'COMPLETED')
    not null default 'DRAFT',
  `createdAt` datetime(3) not null default current_timestamp(3),
  `updatedAt` datetime(3) not null) engine = InnoDB;

create table `EventRegistration` (
  id char(36) primary key,
  `eventId` char(36) not null,
  `memberId` char(36) not null,
  status enum('DRAFT', 'PENDING_PAYMENT', 'PENDING', 'CONFIRMED', 'WAITLISTED', 'CANCELLED', 'REFUND_PENDING',
    'REFUNDED', 'NO_SHOW') not null default 'DRAFT',
  `registeredAt` datetime(3) not null,
  `cancelledAt` datetime(3),
  `createdAt` datetime(3) not null default current_timestamp(3),
  `updatedAt` datetime(3) not null,
  unique registration_once (`eventId`, `memberId`),
  constraint registration_event foreign key (`eventId`) references `Event` (id),
  constraint registration_member foreign key (`memberId`) references `Member` (id)) engine = InnoDB;

create table `WaIdMapping` (
  id char(36) primary key,
  `entityType` varchar(40) not null,
  `waId` int not null,
  `murmurantId` char(36) not null,
  `syncRunId` varchar(80),
  `syncedAt` datetime(3) not null default current_timestamp(3),
  `updatedAt` datetime(3) not null,
  unique mapping_once (`entityType`, `waId`)) engine = InnoDB;

create table `WaSyncState` (
  id char(36) primary key,
  `lastFullSync` datetime(3),
  `lastIncSync` datetime(3),
  `lastContactSync` datetime(3),
  `lastEventSync` datetime(3),
  `lastRegSync` datetime(3),
  metadata json,
  `createdAt` datetime(3) not null default current_timestamp(3),
  `updatedAt` datetime(3) not null) engine = InnoDB;

create table `AuditLog` (
  id char(36) primary key,
  action varchar(80) not null,
  `resourceType` varchar(80) not null,
  `resourceId` char(36) not null,
  `memberId` char(36),
  `before` json,
  `after` json,
  metadata json,
  `ipAddress` varchar(80),
  `userAgent` text,
  `createdAt` datetime(3) not null default current_timestamp(3)) engine = InnoDB;
