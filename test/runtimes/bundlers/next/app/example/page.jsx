'use client';
import { useEffect } from 'react';

export default function Page() {
  useEffect(() => {
    void import('../../src/report.js').then(({ done }) => import('../../src/example.js').then(done));
  }, []);
  return <p>example</p>;
}
