-- Others are counted only where this one is new.
INSERT INTO secrets (workspace_id, name, ciphertext, key_id, created_at, updated_by, updated_at)
SELECT ?1, ?2, ?3, ?4, ?6, ?5, ?6
WHERE (SELECT count(*) FROM secrets WHERE workspace_id = ?1 AND name <> ?2) < ?7
ON CONFLICT (workspace_id, name) DO UPDATE
SET ciphertext = excluded.ciphertext, key_id = excluded.key_id, updated_by = excluded.updated_by, updated_at = excluded.updated_at
