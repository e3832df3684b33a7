-- Whether loose bytes are doomed. Nothing, when their time is over: whoever dooms them may be about to remove them, or have done so.
SELECT doomed FROM loose_blobs WHERE key = ?1 AND workspace_id = ?2 AND kept_until >= ?3
