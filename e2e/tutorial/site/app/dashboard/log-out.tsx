"use client";

import { useRouter } from "next/navigation";
import { authClient } from "@/lib/auth-client";

export default function LogOut() {
  const router = useRouter();
  return (
    <button onClick={() => authClient.signOut({ fetchOptions: { onSuccess: () => router.push("/login") } })}>
      Logout
    </button>
  );
}
