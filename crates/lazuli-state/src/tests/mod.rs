mod files;
mod folding;
mod journals;
mod sample;
mod sealing;
