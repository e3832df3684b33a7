-- What is stored under these ids, as far as it is seen.
SELECT * FROM v_artifacts WHERE id = ANY ($1::uuid[])
