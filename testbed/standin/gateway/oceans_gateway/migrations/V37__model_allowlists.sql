CREATE TABLE listed_models (
    team text NOT NULL REFERENCES teams ON DELETE CASCADE,
    model text NOT NULL REFERENCES models ON DELETE CASCADE,
    PRIMARY KEY (team, model)
);
