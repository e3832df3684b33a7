-- The first decision counts.
UPDATE gates SET status = $2, decided_by_kind = $3, decided_by = $4, comment = $5, decided_at = $6 WHERE id = $1 AND status = 'open'
