DELETE FROM groups WHERE run_id = $1
    AND g = ANY (ARRAY(SELECT g FROM groups WHERE run_id = $1 ORDER BY g LIMIT $2))
