-- Whether bytes that a part of this log is to name are doomed. Nothing, when they were not noted, or their time is over.
SELECT l.doomed FROM unpacked_logs u JOIN loose_blobs l ON l.workspace_id = u.workspace_id
WHERE u.run_id = ?1 AND u.n = ?2 AND u.attempt = ?3 AND l.key = ?4 AND l.kept_until >= ?5
