DELETE FROM runs WHERE id = ANY ($1::uuid[])
