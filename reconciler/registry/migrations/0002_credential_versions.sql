-- The method's `version` that a connection's credential answers to.
ALTER TABLE records ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
