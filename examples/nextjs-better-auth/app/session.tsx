"use client";

import { authClient } from "@/lib/auth-client";

export default function Session() {
  const { data: session, isPending } = authClient.useSession();

  if (isPending) return null;
  // The gate's pages are not pages of Next.js, so <a> leads to them.
  if (!session) return <p><a href="/login">Log in</a></p>;
  const signOut = () => authClient.signOut({ fetchOptions: { onSuccess: () => location.assign("/login") } });
  return (
    <>
      <p>Signed in as <bdi>{session.user.name || session.user.email}</bdi> · <a href="/account">Account</a></p>
      <button onClick={signOut}>Log out</button>
    </>
  );
}
