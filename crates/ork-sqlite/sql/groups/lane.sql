SELECT lane, -priority, concurrency_key, concurrency_limit FROM groups WHERE run_id = ?1 AND g = ?2
