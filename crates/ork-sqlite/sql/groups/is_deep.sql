SELECT deep FROM groups WHERE run_id = ?1 AND g = ?2
