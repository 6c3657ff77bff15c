// Prints a line of JSON for each password of the array in PASSWORDS, as `gatepost import json` takes users: with the
// hash that the real Better Auth makes, for user0@example.com and so on.
const { PASSWORDS, PACKAGE } = process.env
const { hashPassword } = await import(PACKAGE + '/crypto')
for (const [i, password] of JSON.parse(PASSWORDS).entries())
  console.log(JSON.stringify({ id: `user${i}`, email: `user${i}@example.com`, password: await hashPassword(password) }))
