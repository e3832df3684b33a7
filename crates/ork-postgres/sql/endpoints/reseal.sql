-- No text is sealed twice alike, so it is either the one or the other.
UPDATE webhook_endpoints
SET secret = CASE WHEN secret = $3 THEN $4::bytea ELSE secret END,
    previous_secret = CASE WHEN previous_secret = $3 THEN $4::bytea ELSE previous_secret END
WHERE id = $2 AND workspace_id = $1 AND (secret = $3 OR previous_secret = $3)
