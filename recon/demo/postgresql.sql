-- The target application's tables of the newer generation; constraints have the names by which faults drop them.

create type "RegistrationStatus" as enum (
  'DRAFT', 'PENDING_PAYMENT', 'PENDING', 'CONFIRMED', 'WAITLISTED', 'CANCELLED', 'REFUND_PENDING', 'REFUNDED', 'NO_SHOW');
create type "EventStatus" as enum (
  'DRAFT', 'PENDING_APPROVAL', 'CHANGES_REQUESTED', 'APPROVED', 'PUBLISHED', 'CANCELED', 'COMPLETED');

create table "MembershipStatus" (
  id uuid primary key,
  code text not null unique,
  label text not null,
  "sortOrder" integer not null default 0,
  "isActive" boolean not null default true,
  "createdAt" timestamp(3) not null default now(),
  "updatedAt" timestamp(3) not null);

create table "MembershipTier" (
  id uuid primary key,
  code text not null unique,
  name text not null,
  "sortOrder" integer not null default 0,
  "createdAt" timestamp(3) not null default now(),
  "updatedAt" timestamp(3) not null);

create table "Member" (
  id uuid primary key,
  "firstName" text not null,
  "lastName" text not null,
  email text not null unique,
  phone text,
  "joinedAt" timestamp(3) not null,
  "membershipStatusId" uuid not null,
  "membershipTierId" uuid,
  "waMembershipLevelRaw" text,
  "waRawData" jsonb,
  "createdAt" timestamp(3) not null default now(),
  "updatedAt" timestamp(3) not null,
  constraint "Member_membershipStatusId_fkey" foreign key ("membershipStatusId") references "MembershipStatus" (id),
  constraint "Member_membershipTierId_fkey" foreign key ("membershipTierId") references "MembershipTier" (id));

create table "Event" (
  id uuid primary key,
  title text not null,
  description text,
  category text,
  location text,
  "startTime" timestamp(3) not null,
  "endTime" timestamp(3),
  capacity integer,
  "isPublished" boolean not null default false,
  status "EventStatus" not null default 'DRAFT',
  "createdAt" timestamp(3) not null default now(),
  "updatedAt" timestamp(3) not null);

create table "EventRegistration" (
  id uuid primary key,
  "eventId" uuid not null,
  "memberId" uuid not null,
  status "RegistrationStatus" not null default 'DRAFT',
  "registeredAt" timestamp(3) not null,
  "cancelledAt" timestamp(3),
  "createdAt" timestamp(3) not null default now(),
  "updatedAt" timestamp(3) not null,
  constraint "EventRegistration_eventId_memberId_key" unique ("eventId", "memberId"),
  constraint "EventRegistration_eventId_fkey" foreign key ("eventId") references "Event" (id),
  constraint "EventRegistration_memberId_fkey" foreign key ("memberId") references "Member" (id));

create table "WaIdMapping" (
  id uuid primary key,
  "entityType" text not null,
  "waId" integer not null,
  "murmurantId" uuid not null,
  "syncRunId" text,
  "syncedAt" timestamp(3) not null default now(),
  "updatedAt" timestamp(3) not null,
  constraint "WaIdMapping_entityType_waId_key" unique ("entityType", "waId"));

create table "WaSyncState" (
  id uuid primary key,
  "lastFullSync" timestamp(3),
  "lastIncSync" timestamp(3),
  "lastContactSync" timestamp(3),
  "lastEventSync" timestamp(3),
  "lastRegSync" timestamp(3),
  metadata jsonb,
  "createdAt" timestamp(3) not null default now(),
  "updatedAt" timestamp(3) not null);

create table "AuditLog" (
  id uuid primary key,
  action text not null,
  "resourceType" text not null,
  "resourceId" uuid not null,
  "memberId" uuid,
  before jsonb,
  after jsonb,
  metadata jsonb,
  "ipAddress" text,
  "userAgent" text,
  "createdAt" timestamp(3) not null default now());
