-- Everything that the chain said carries the number of its block, so that what a lost block said is taken back by that number alone.
-- Whole numbers of 256 bits are text inside of JSON, or 32 bytes in big-endian order where they are compared.
CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE blocks (number BIGINT NOT NULL PRIMARY KEY, hash BLOB NOT NULL, time BIGINT NOT NULL);
CREATE INDEX blocks_by_time ON blocks (time, number);
CREATE TABLE events (
    block BIGINT NOT NULL,
    position BIGINT NOT NULL,
    time BIGINT NOT NULL,
    tx BLOB NOT NULL,
    contract TEXT NOT NULL,
    address BLOB NOT NULL,
    name TEXT NOT NULL,
    topic TEXT NOT NULL,
    args TEXT NOT NULL,
    PRIMARY KEY (block, position)
);
CREATE INDEX events_by_topic ON events (topic, block, position);
CREATE INDEX events_by_name ON events (contract, name, block, position);
CREATE TABLE parties (
    account BLOB NOT NULL,
    block BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (account, block, position)
);
CREATE INDEX parties_by_block ON parties (block);
CREATE TABLE pool_points (block BIGINT NOT NULL PRIMARY KEY, time BIGINT NOT NULL, state TEXT NOT NULL);
CREATE INDEX pool_points_by_time ON pool_points (time, block);
CREATE TABLE staker_points (
    account BLOB NOT NULL,
    block BIGINT NOT NULL,
    time BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (account, block)
);
CREATE INDEX staker_points_by_block ON staker_points (block);
CREATE TABLE borrower_points (
    account BLOB NOT NULL,
    block BIGINT NOT NULL,
    time BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (account, block)
);
CREATE INDEX borrower_points_by_block ON borrower_points (block);
CREATE TABLE stakers (account BLOB NOT NULL PRIMARY KEY, stake BLOB NOT NULL, block BIGINT NOT NULL);
CREATE INDEX stakers_by_stake ON stakers (stake, account);
CREATE INDEX stakers_by_block ON stakers (block);
CREATE TABLE borrowers (account BLOB NOT NULL PRIMARY KEY, block BIGINT NOT NULL);
CREATE INDEX borrowers_by_block ON borrowers (block);
CREATE TABLE shortfalls (
    number BIGINT NOT NULL PRIMARY KEY,
    block BIGINT NOT NULL,
    position BIGINT NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX shortfalls_by_block ON shortfalls (block);
CREATE TABLE epoch_indexes (epoch BIGINT NOT NULL PRIMARY KEY, block BIGINT NOT NULL, global_index TEXT NOT NULL);
CREATE INDEX epoch_indexes_by_block ON epoch_indexes (block);
CREATE TABLE reorganisations (number BIGINT NOT NULL PRIMARY KEY, block BIGINT NOT NULL, depth BIGINT NOT NULL, time BIGINT NOT NULL);
