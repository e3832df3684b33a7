-- What a run's plan says of its budget.
SELECT json_extract(plan, '$.budget') FROM runs WHERE id = ?1
