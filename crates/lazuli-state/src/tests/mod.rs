mod editing;
mod files;
mod folding;
mod journals;
mod sample;
mod sealing;
mod troubles;
