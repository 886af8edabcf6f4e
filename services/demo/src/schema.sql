-- What a service keeps. Nothing grows without end: old rows go as new ones come.

CREATE TABLE prices (
    sku INTEGER PRIMARY KEY,
    -- In minor units of the currency.
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL
);

CREATE TABLE stock (
    sku INTEGER PRIMARY KEY,
    available INTEGER NOT NULL CHECK (available >= 0)
);

CREATE TABLE reservations (
    id INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL UNIQUE,
    -- JSON: an array of objects with sku and quantity.
    items TEXT NOT NULL,
    shipped INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE payments (
    id INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL UNIQUE,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    tries INTEGER NOT NULL
);

-- From 1.36 to 99.95.
WITH RECURSIVE items(sku) AS (SELECT 1 UNION ALL SELECT sku + 1 FROM items WHERE sku < 1000)
INSERT INTO prices SELECT sku, 99 + sku * 37 % 9901, 'EUR' FROM items;

INSERT INTO stock SELECT sku, 100 FROM prices;

CREATE TRIGGER restock AFTER UPDATE OF available ON stock WHEN NEW.available < 10 BEGIN
    UPDATE stock SET available = 100 WHERE sku = NEW.sku;
END;

CREATE TRIGGER oldest_reservation AFTER INSERT ON reservations BEGIN
    DELETE FROM reservations WHERE id <= NEW.id - 1000;
END;

CREATE TRIGGER oldest_payment AFTER INSERT ON payments BEGIN
    DELETE FROM payments WHERE id <= NEW.id - 1000;
END;
