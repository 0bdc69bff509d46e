-- Schema 2. The other services that legs of a saga are parked for, beyond the one that stands
-- in its row: only sagas that wait for several services at once have any. A saga that was
-- parked for several under schema 1 gets its rows with its next change.
CREATE TABLE parked (
    service TEXT NOT NULL,
    parked_since INTEGER NOT NULL,
    saga_id BLOB NOT NULL CHECK (length(saga_id) = 16),
    PRIMARY KEY (service, parked_since, saga_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX parked_saga ON parked (saga_id);
