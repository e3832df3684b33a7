UPDATE counters SET value = value + ?1 WHERE name = 'ready' RETURNING value - ?1
