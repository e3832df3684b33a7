-- What a run's plan says of its budget.
SELECT plan -> 'budget' AS budget FROM runs WHERE id = $1
