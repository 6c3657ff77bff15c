import { headers } from "next/headers";
import Link from "next/link";
import { redirect } from "next/navigation";
import { auth } from "@/lib/auth";
import Session from "../session";

export default async function DashboardPage() {
  const session = await auth.api.getSession({ headers: await headers() });

  if (!session) redirect("/login");

  return (
    <main>
      <h1>Hello, {session.user.name || session.user.email}</h1>
      <p>Your roles: {session.user.role}</p>
      <p><Link href="/">Home</Link></p>
      <Session />
    </main>
  );
}
