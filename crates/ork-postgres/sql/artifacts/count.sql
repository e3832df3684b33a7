-- Nothing when the run would have too many. Its head is locked.
UPDATE run_heads SET artifacts = artifacts + $2::integer WHERE run_id = $1 AND artifacts + $2::integer <= $3::integer
