INSERT INTO duties (name, holder_id, until_at) VALUES (?1, ?2, ?4)
ON CONFLICT (name) DO UPDATE SET holder_id = ?2, until_at = ?4 WHERE duties.holder_id = ?2 OR duties.until_at <= ?3
