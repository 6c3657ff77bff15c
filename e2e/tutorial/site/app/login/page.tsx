"use client";

import { type SubmitEvent, useState } from "react";
import { useRouter } from "next/navigation";
import { authClient } from "@/lib/auth-client";

export default function LoginPage() {
  const router = useRouter();
  const [fault, setFault] = useState("");

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name));
    const { error } = await authClient.signIn.email({ email: text("email"), password: text("password") });
    if (error) setFault(error.message ?? "That did not work.");
    else router.push("/dashboard");
  }

  return (
    <main>
      <h1>Login</h1>
      <form onSubmit={submit}>
        <label>Email <input name="email" type="email" required /></label>
        <label>Password <input name="password" type="password" required /></label>
        <button>Login</button>
      </form>
      <p role="alert">{fault}</p>
    </main>
  );
}
