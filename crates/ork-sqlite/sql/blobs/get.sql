-- Whether loose bytes are doomed.
SELECT doomed FROM loose_blobs WHERE key = ?1 AND workspace_id = ?2
