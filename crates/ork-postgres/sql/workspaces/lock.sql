-- One submit at a time, where a quota is set, until its commit. No lock of a row: that would ask for the right to change it.
SELECT pg_advisory_xact_lock(hashtextextended('quotas ' || $1::uuid, 0))
