CREATE TABLE conversation (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    question text NOT NULL,
    phase text NOT NULL DEFAULT 'waiting',
    moderator text NOT NULL,
    -- How many answers its pool has; their numbers are 1 to that.
    answers int NOT NULL DEFAULT 0
);

CREATE TABLE pool (
    conversation int NOT NULL,
    number int NOT NULL,
    name text NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (conversation, number),
    UNIQUE (conversation, name)
);

CREATE TABLE participant (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE
);

-- `pool` is 0 for what the pool had no room for.
CREATE TABLE answer (
    participant bigint NOT NULL,
    name text NOT NULL,
    text text NOT NULL,
    pool int NOT NULL,
    PRIMARY KEY (participant, name)
);

-- `chosen_left` is in no index, and a page has room for it: a choice updates in place (HOT).
CREATE TABLE prompt (
    participant bigint NOT NULL,
    number int NOT NULL,
    left_number int NOT NULL,
    right_number int NOT NULL,
    chosen_left boolean,
    PRIMARY KEY (participant, number)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX prompt_pair ON prompt
    (participant, least(left_number, right_number), greatest(left_number, right_number));

-- Submits and hands out the next prompt: one statement, so one transaction and one way to the server and back.
-- Errors have the statuses of HTTP behind `TW`.
CREATE FUNCTION submit(
    of_conversation text, of_participant text, a_name text, a_text text, a_number int, a_left boolean,
    answers_max int, pool_max int, prompts_max int, draws_max int,
    OUT pool_len int, OUT prompt_number int,
    OUT left_name text, OUT left_text text, OUT right_name text, OUT right_text text
) LANGUAGE plpgsql AS $$
DECLARE
    conversation_id int;
    phase text;
    me bigint;
    was boolean;
    in_pool int;
    one int;
    other int;
    is_drawn boolean := false;
BEGIN
    SELECT c.id, c.phase, c.answers, p.id INTO conversation_id, phase, pool_len, me
        FROM conversation c LEFT JOIN participant p ON p.key = of_participant
        WHERE c.name = of_conversation;
    IF a_number IS NOT NULL THEN
        UPDATE prompt SET chosen_left = a_left
            WHERE participant = me AND prompt.number = a_number AND chosen_left IS NULL;
        IF NOT FOUND THEN
            SELECT chosen_left INTO was FROM prompt
                WHERE participant = me AND prompt.number = a_number;
            IF NOT FOUND THEN
                RAISE 'there is no prompt %', a_number USING ERRCODE = 'TW404';
            ELSIF was <> a_left THEN
                RAISE 'prompt % is answered', a_number USING ERRCODE = 'TW409';
            END IF;
        END IF;
    ELSE
        IF me IS NULL THEN
            INSERT INTO participant (key) VALUES (of_participant)
                ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING id INTO me;
        END IF;
        PERFORM FROM answer WHERE participant = me AND answer.name = a_name;
        IF NOT FOUND THEN
            IF phase IS NULL OR phase NOT IN ('answering', 'comparing') THEN
                RAISE 'the conversation does not take this now' USING ERRCODE = 'TW409';
            END IF;
            IF (SELECT count(*) FROM answer WHERE participant = me) >= answers_max THEN
                RAISE 'that was enough; thank you' USING ERRCODE = 'TW409';
            END IF;
            SELECT pool.number INTO in_pool FROM pool
                WHERE conversation = conversation_id AND pool.name = a_name;
            IF NOT FOUND THEN
                -- The row's lock lets one new answer in after the other.
                SELECT c.answers INTO pool_len FROM conversation c WHERE c.id = conversation_id FOR UPDATE;
                IF pool_len < pool_max THEN
                    INSERT INTO pool VALUES (conversation_id, pool_len + 1, a_name, a_text)
                        ON CONFLICT (conversation, name) DO NOTHING;
                    IF FOUND THEN
                        UPDATE conversation SET answers = pool_len + 1 WHERE id = conversation_id
                            RETURNING answers INTO pool_len;
                    END IF;
                END IF;
                SELECT pool.number INTO in_pool FROM pool
                    WHERE conversation = conversation_id AND pool.name = a_name;
            END IF;
            INSERT INTO answer VALUES (me, a_name, a_text, coalesce(in_pool, 0))
                ON CONFLICT DO NOTHING;
        END IF;
    END IF;

    IF phase = 'comparing' AND pool_len >= 2 THEN
        SELECT coalesce(max(number), 0) + 1 INTO prompt_number FROM prompt WHERE participant = me;
        IF prompt_number > prompts_max THEN
            RETURN;
        END IF;
        FOR draw IN 1..draws_max LOOP
            one := 1 + floor(random() * pool_len);
            other := 1 + (one + floor(random() * (pool_len - 1))::int) % pool_len;
            CONTINUE WHEN EXISTS (
                SELECT FROM answer WHERE participant = me AND pool IN (one, other));
            INSERT INTO prompt VALUES (me, prompt_number, one, other) ON CONFLICT DO NOTHING;
            is_drawn := FOUND;
            EXIT WHEN is_drawn;
        END LOOP;
        IF NOT is_drawn THEN
            -- They have seen many: the first pair that is left, in order.
            INSERT INTO prompt
                SELECT me, prompt_number, l.number, r.number
                FROM pool l JOIN pool r ON r.conversation = conversation_id AND r.number < l.number
                WHERE l.conversation = conversation_id
                AND NOT EXISTS (SELECT FROM answer
                    WHERE participant = me AND pool IN (l.number, r.number))
                AND NOT EXISTS (SELECT FROM prompt WHERE participant = me
                    AND least(left_number, right_number) = r.number
                    AND greatest(left_number, right_number) = l.number)
                LIMIT 1
                RETURNING left_number, right_number INTO one, other;
            IF NOT FOUND THEN
                RETURN;
            END IF;
        END IF;
        SELECT l.name, l.text, r.name, r.text INTO left_name, left_text, right_name, right_text
            FROM pool l JOIN pool r ON r.conversation = conversation_id AND r.number = other
            WHERE l.conversation = conversation_id AND l.number = one;
    END IF;
END $$;

-- A conversation that is over, so that the planner knows how large tables become.
INSERT INTO conversation (name, question, phase, moderator, answers)
    VALUES ('earlier', 'Which book?', 'closed', 'secret', 500);
INSERT INTO pool SELECT 1, it, 'book ' || it, 'Book ' || it FROM generate_series(1, 500) it;
INSERT INTO participant (key) SELECT 'earlier.p' || it FROM generate_series(1, 10000) it;
INSERT INTO answer
    SELECT it, 'book ' || 1 + it % 500, 'Book ' || 1 + it % 500, 1 + it % 500
    FROM generate_series(1, 10000) it;
INSERT INTO prompt
    SELECT it, nth, 1 + (it + nth) % 500, 1 + (it + 2 * nth + 7) % 500, true
    FROM generate_series(1, 10000) it, generate_series(1, 10) nth;
