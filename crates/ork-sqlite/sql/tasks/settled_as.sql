-- How the attempt under this lease ended, if it did, or how the lease did.
SELECT outcome FROM tasks WHERE run_id = ?1 AND n = ?2 AND attempt + (open_as IS NOT NULL) = ?3 AND lease = ?4
UNION ALL
SELECT outcome FROM attempts WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND lease = ?4
