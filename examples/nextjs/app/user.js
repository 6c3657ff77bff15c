import { headers } from "next/headers";

// currentUser returns the user that the gate's headers name, or null. The gate sends all of these headers or none,
// and no client can send them.
export async function currentUser() {
  const sent = await headers();
  if (!sent.has("X-Auth-User")) return null;
  return {
    id: sent.get("X-Auth-User"),
    name: decodeURIComponent(sent.get("X-Auth-Name") || sent.get("X-Auth-Email")),
    roles: sent.get("X-Auth-Roles").split(","),
  };
}
