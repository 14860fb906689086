mod crashes;
mod ends;
mod fake;
mod order;
mod ownership;
mod parts;
mod promises;
