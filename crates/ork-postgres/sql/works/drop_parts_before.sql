-- All but the parts of this number.
DELETE FROM work_parts WHERE run_id = $1 AND n = $2 AND (attempt, number) <= ($3, $4) AND NOT (attempt = $3 AND number = $4 AND part < $5)
