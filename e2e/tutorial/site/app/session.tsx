"use client";

import { authClient } from "@/lib/auth-client";

export default function Session() {
  const { data: session, isPending } = authClient.useSession();

  if (isPending) return null;
  if (!session) return <p><a href="/login">Log in</a></p>;
  return <p>Signed in as <bdi>{session.user.name}</bdi></p>;
}
