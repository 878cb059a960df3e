-- The tables of the application that the club moves to, in SQLite's types, with its statuses and tiers.
CREATE TABLE "MembershipStatus" (
  id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, label TEXT NOT NULL, "sortOrder" INTEGER NOT NULL DEFAULT 0,
  "isActive" INTEGER NOT NULL DEFAULT 1, "createdAt" TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" TEXT NOT NULL);

CREATE TABLE "MembershipTier" (
  id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, "sortOrder" INTEGER NOT NULL DEFAULT 0,
  "createdAt" TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TEXT NOT NULL);

CREATE TABLE "Member" (
  id TEXT PRIMARY KEY, "firstName" TEXT NOT NULL, "lastName" TEXT NOT NULL, email TEXT NOT NULL UNIQUE, phone TEXT,
  "joinedAt" TEXT NOT NULL,
  "membershipStatusId" TEXT NOT NULL REFERENCES "MembershipStatus" (id),
  "membershipTierId" TEXT REFERENCES "MembershipTier" (id),
  "waMembershipLevelRaw" TEXT, "waRawData" TEXT,
  "createdAt" TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TEXT NOT NULL);

CREATE TABLE "Event" (
  id TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT, category TEXT, location TEXT,
  "startTime" TEXT NOT NULL, "endTime" TEXT, capacity INTEGER, "isPublished" INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'DRAFT',
  "createdAt" TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TEXT NOT NULL);

CREATE TABLE "EventRegistration" (
  id TEXT PRIMARY KEY, "eventId" TEXT NOT NULL REFERENCES "Event" (id),
  "memberId" TEXT NOT NULL REFERENCES "Member" (id),
  status TEXT NOT NULL DEFAULT 'DRAFT', "registeredAt" TEXT NOT NULL, "cancelledAt" TEXT,
  "createdAt" TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TEXT NOT NULL,
  UNIQUE ("eventId", "memberId"));

CREATE TABLE "WaIdMapping" (
  id TEXT PRIMARY KEY, "entityType" TEXT NOT NULL, "waId" INTEGER NOT NULL, "murmurantId" TEXT NOT NULL,
  "syncRunId" TEXT, "syncedAt" TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TEXT NOT NULL);

CREATE TABLE "WaSyncState" (
  id TEXT PRIMARY KEY, "lastFullSync" TEXT, "lastIncSync" TEXT, "lastContactSync" TEXT, "lastEventSync" TEXT,
  "lastRegSync" TEXT, metadata TEXT,
  "createdAt" TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TEXT NOT NULL);

CREATE TABLE "AuditLog" (
  id TEXT PRIMARY KEY, action TEXT NOT NULL, "resourceType" TEXT NOT NULL, "resourceId" TEXT NOT NULL,
  "memberId" TEXT, before TEXT, after TEXT, metadata TEXT, "ipAddress" TEXT, "userAgent" TEXT,
  "createdAt" TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);

CREATE UNIQUE INDEX "WaIdMapping_entityType_waId_key" ON "WaIdMapping" ("entityType", "waId");

INSERT INTO "MembershipStatus" (id, code, label, "sortOrder", "updatedAt") VALUES
  ('00000000-0000-4000-8000-0000000000a1', 'NEWCOMER', 'Newcomer', 0, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000a2', 'EXTENDED', 'Extended', 10, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000a3', 'ALUMNI', 'Alumni', 20, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000a4', 'LAPSED', 'Lapsed', 30, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000a5', 'PROSPECT', 'Prospect', 40, CURRENT_TIMESTAMP);

INSERT INTO "MembershipTier" (id, code, name, "sortOrder", "updatedAt") VALUES
  ('00000000-0000-4000-8000-0000000000b1', 'NEWCOMER', 'Newcomer', 10, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000b2', 'FIRST_YEAR', 'First Year', 20, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000b3', 'SECOND_YEAR', 'Second Year', 30, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000b4', 'THIRD_YEAR', 'Third Year', 40, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000b5', 'ALUMNI', 'Alumni', 50, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000b6', 'LAPSED', 'Lapsed', 60, CURRENT_TIMESTAMP),
  ('00000000-0000-4000-8000-0000000000b7', 'GENERAL', 'General', 100, CURRENT_TIMESTAMP);
