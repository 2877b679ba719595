CREATE TABLE answer_attempts (
    request bigint NOT NULL REFERENCES answered_requests ON DELETE CASCADE,
    turn smallint NOT NULL,
    outcome text NOT NULL,
    PRIMARY KEY (request, turn)
);
