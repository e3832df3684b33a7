-- Whether it was said before that a call of this try of a step did not fit.
SELECT 1 FROM events WHERE run_id = $1 AND type = 'budget.exceeded' AND tasks = $2 AND left(payload::text, length($3)) = $3 LIMIT 1
