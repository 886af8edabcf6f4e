mod build;
mod generate;
mod naive;
mod property;
mod refusals;
