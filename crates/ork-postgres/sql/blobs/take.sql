-- Loose bytes of a workspace whose time is not over, as far as they are not doomed: whoever dooms them comes before this, or finds
-- nothing.
DELETE FROM loose_blobs WHERE key = ANY ($1::text[]) AND workspace_id = $2 AND kept_until >= $3 AND NOT doomed RETURNING key
