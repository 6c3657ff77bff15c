// Package acceptance holds the tests of the whole program: each builds gates, puts them in front of real apps and on a
// real PostgreSQL, and sends them what browsers, programs and attackers send. It also reads the repository as a whole:
// the plan of the house, the documents, and what others run.
package acceptance
