-- Loose bytes of a workspace, as far as they are not doomed: whoever dooms them comes before this, or finds nothing.
DELETE FROM loose_blobs WHERE key = ANY ($1::text[]) AND workspace_id = $2 AND NOT doomed RETURNING key
