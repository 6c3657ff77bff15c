import Link from "next/link";
import Session from "./session";

export default function Home() {
  return (
    <main>
      <h1>Hello</h1>
      {/* A prefetch would ask for the dashboard, in vain, for each visitor who is signed out. */}
      <p><Link href="/dashboard" prefetch={false}>Dashboard</Link></p>
      <Session />
    </main>
  );
}
