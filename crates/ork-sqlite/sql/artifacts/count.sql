-- Nothing when the run would have too many.
UPDATE run_heads SET artifacts = artifacts + ?2 WHERE run_id = ?1 AND artifacts + ?2 <= ?3
