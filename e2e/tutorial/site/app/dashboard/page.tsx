import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { auth } from "@/lib/auth";
import LogOut from "./log-out";

export default async function DashboardPage() {
  const session = await auth.api.getSession({ headers: await headers() });

  if (!session) redirect("/login");

  return (
    <main>
      <h1>Hello, {session.user.name}</h1>
      <LogOut />
    </main>
  );
}
