// An app behind Gatepost that verifies who is signed in, with jose.
import { createServer } from "node:http";
import { createRemoteJWKSet, jwtVerify } from "jose";

const issuer = process.env.ISSUER ?? "http://localhost:8080"; // GATEPOST_PUBLIC_URL
const audience = process.env.AUDIENCE ?? issuer; // GATEPOST_ASSERTION_AUDIENCE
// Where the keys are is a setting of yours. Never take it from a token.
const keys = createRemoteJWKSet(new URL(process.env.KEYS ?? `${issuer}/.gatepost/jwks.json`), {
  cacheMaxAge: 300_000, // a revoked key is forgotten after that
});

// who returns what the gate says about the user. It throws if no gate says so.
async function who(assertion) {
  const { payload } = await jwtVerify(assertion ?? "", keys, {
    algorithms: ["ES256"],
    typ: "gatepost+jwt",
    issuer,
    audience,
    clockTolerance: 30,
    requiredClaims: ["sub", "exp"],
  });
  return payload;
}

createServer(async (req, res) => {
  try {
    const user = await who(req.headers["x-auth-assertion"]);
    res.end(`Hello, ${user.name || user.email}. Your roles: ${user.roles.join(", ")}\n`);
  } catch (err) {
    console.error(err.message);
    res.writeHead(401).end("Nobody has vouched for you.\n");
  }
}).listen(process.env.PORT ?? 3000, process.env.HOST ?? "127.0.0.1");
