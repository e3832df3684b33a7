SELECT value FROM counters WHERE name = 'ready'
