-- The method's `version` that a connection's credential answers to.
ALTER TABLE records ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- The webhooks that are ours, as JSON: [[project, repository, url, number], …].
ALTER TABLE records ADD COLUMN webhooks TEXT NOT NULL DEFAULT '[]';
