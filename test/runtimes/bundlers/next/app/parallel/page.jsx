'use client';
import { useEffect } from 'react';

export default function Page() {
  useEffect(() => {
    void import('../../src/report.js').then(({ done }) => import('../../src/parallel.js').then(done));
  }, []);
  return <p>parallel</p>;
}
