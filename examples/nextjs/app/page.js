import Link from "next/link";
import Session from "./session";

// Prerendered, so it cannot know who is there: the component asks for it in the browser.
export default function Home() {
  return (
    <main>
      <h1>Hello</h1>
      {/* Prefetched, it would ask for the dashboard, in vain, for everybody who is signed out. */}
      <p><Link href="/dashboard" prefetch={false}>Dashboard</Link></p>
      <Session />
    </main>
  );
}
