import type { ReactNode } from "react";

export const metadata = { title: "An app that had Better Auth, behind Gatepost" };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
