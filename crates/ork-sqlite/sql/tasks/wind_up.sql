-- What was lost stays lost.
UPDATE tasks SET status = 'pending', open_as = CASE WHEN open_as = 'lost' THEN 'lost' ELSE 'cancelled' END
WHERE run_id = ?1 AND n = ?2 AND open_as IS NOT NULL
