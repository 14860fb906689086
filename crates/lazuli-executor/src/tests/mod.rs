mod crashes;
mod ends;
mod fake;
mod order;
mod parts;
mod promises;
