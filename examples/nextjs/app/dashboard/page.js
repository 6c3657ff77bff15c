import Link from "next/link";
import { redirect } from "next/navigation";
import SignedIn from "../signed-in";
import { currentUser } from "../user";

export default async function Dashboard() {
  const user = await currentUser();
  if (!user) redirect("/login?next=/dashboard"); // only where GATEPOST_PROTECT does not name this page
  return (
    <main>
      <h1>Hello, {user.name}</h1>
      <p>Your roles: {user.roles.join(", ")}</p>
      <p><Link href="/">Home</Link></p>
      <SignedIn name={user.name} />
    </main>
  );
}
